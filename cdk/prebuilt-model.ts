import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CustomResource, Duration } from 'aws-cdk-lib';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { root } from '../functions/bundle.ts';
import { modelPrefix, prefixes, signingSecretKey } from '../src/store/keys.ts';
import { parsePointer } from '../src/store/pointer.ts';
import { NodeFunction } from './node-function.ts';
import type { StackSettings } from './settings.ts';

export interface PrebuiltModelProps {
  readonly settings: StackSettings;
  /** Folder of the installing function's bundle. */
  readonly bundle: string;
  readonly models: s3.IBucket;
  readonly name: string;
}

/** The committed model, brought along in the code of the function that installs it and draws the secret for states. */
export class PrebuiltModel extends Construct {
  constructor(scope: Construct, id: string, { settings, bundle, models, name }: PrebuiltModelProps) {
    super(scope, id);
    const source = join(root, 'models', name);
    const pointer = join(source, 'current.json');
    const version = parsePointer(readFileSync(pointer), pointer);

    const code = `${bundle}-with-model`;
    rmSync(code, { recursive: true, force: true });
    mkdirSync(join(code, 'models', name), { recursive: true });
    cpSync(bundle, code, { recursive: true });
    cpSync(join(source, version), join(code, 'models', name, version), { recursive: true });

    const install = new NodeFunction(this, 'InstallModel', {
      settings,
      description: 'Puts the prebuilt model into the bucket, and makes it current unless another is',
      code,
      memory: 512,
      timeout: Duration.minutes(2),
      environment: { FOLIO_STORE: `s3://${models.bucketName}` },
    });
    install
      .grantObjects(['s3:GetObject', 's3:PutObject'], models, [`${modelPrefix(name)}*`, signingSecretKey])
      .grantList(models, [modelPrefix(name), prefixes.keys]);

    const resource = new CustomResource(this, 'Installed', {
      serviceToken: install.function.functionArn,
      serviceTimeout: Duration.minutes(5),
      resourceType: 'Custom::PrebuiltModel',
      properties: { Name: name, Version: version },
    });
    resource.node.addDependency(install);
  }
}
