import { App, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { bundleFunctions } from '../functions/bundle.ts';
import { suppressFindings } from './nag-suppressions.ts';
import { addStacks } from './stacks.ts';

const app = new App();
addStacks(app, await bundleFunctions());
suppressFindings(app);
Tags.of(app).add('app', 'folio');
Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
app.synth();
