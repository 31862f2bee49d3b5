import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { bundleFunctions } from '../functions/bundle.ts';
import { suppressFindings } from './nag-suppressions.ts';
import { addStacks } from './stacks.ts';

const app = new App();
const { names } = addStacks(app, await bundleFunctions());
suppressFindings(app, names);
Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
app.synth();
