import { Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { prefixes } from '../src/store/keys.ts';
import type { StackSettings } from './settings.ts';

export interface DataStackProps extends StackProps {
  readonly settings: StackSettings;
}

/** The buckets. They stay when the stack goes: what people uploaded and trained is theirs to delete. */
export class DataStack extends Stack {
  readonly corpora: s3.Bucket;
  /** Models, candidates, checkpoints and records of trainings. */
  readonly models: s3.Bucket;

  constructor(scope: Construct, id: string, props: DataStackProps) {
    super(scope, id, props);
    const { settings } = props;
    const shared = {
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      removalPolicy: RemovalPolicy.RETAIN,
    } as const;
    // A name that stands in the template is what CloudFormation finds a kept bucket by.
    const named = (name: keyof NonNullable<StackSettings['buckets']>) =>
      settings.buckets && { bucketName: settings.buckets[name] };
    const unfinished: s3.LifecycleRule = {
      id: 'unfinished-uploads',
      abortIncompleteMultipartUploadAfter: Duration.days(7),
    };

    const accesses = new s3.Bucket(this, 'Accesses', {
      ...shared,
      ...named('accesses'),
      versioned: true,
      lifecycleRules: [
        unfinished,
        { id: 'old', expiration: Duration.days(90), noncurrentVersionExpiration: Duration.days(1) },
      ],
    });
    this.corpora = new s3.Bucket(this, 'Corpora', {
      ...shared,
      ...named('corpora'),
      versioned: true,
      serverAccessLogsBucket: accesses,
      serverAccessLogsPrefix: 'corpora/',
      lifecycleRules: [unfinished, { id: 'replaced', noncurrentVersionExpiration: Duration.days(90) }],
      // The playground uploads from the endpoint's page; what may be uploaded is in the form that was signed. Without a
      // host name of one's own the endpoint's is not known before it is made.
      cors: [{ allowedMethods: [s3.HttpMethods.POST], allowedOrigins: uploadOrigins(settings) }],
    });
    // Set natively: eventBridgeEnabled would add a function that may change every bucket of the account.
    const bucket = this.corpora.node.defaultChild as s3.CfnBucket;
    bucket.notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };

    this.models = new s3.Bucket(this, 'Models', {
      ...shared,
      ...named('models'),
      versioned: true,
      serverAccessLogsBucket: accesses,
      serverAccessLogsPrefix: 'models/',
      lifecycleRules: [
        unfinished,
        {
          id: 'replaced',
          prefix: prefixes.models,
          noncurrentVersionExpiration: Duration.days(90),
          expiredObjectDeleteMarker: true,
        },
        // Rewritten while a training runs, every few seconds or minutes: what was replaced is of no use to anybody.
        ...lasting(prefixes.checkpoints, 30),
        ...lasting(prefixes.trainings, 365),
        ...lasting(prefixes.grids, 30),
        ...lasting(prefixes.candidates, 90),
        ...lasting(prefixes.bulk, 30), // rows of people's prompts and texts
      ],
    });
    // The secret that signs states is for the functions alone: not for everybody who may read the account.
    this.models.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'SecretsForFunctions',
        effect: iam.Effect.DENY,
        principals: [new iam.AnyPrincipal()],
        actions: ['s3:GetObject', 's3:GetObjectVersion'],
        resources: [this.models.arnForObjects(`${prefixes.keys}*`)],
        conditions: {
          ArnNotLike: {
            'aws:PrincipalArn': `arn:${this.partition}:iam::${this.account}:role/FolioApi*`,
          },
        },
      }),
    );
  }
}

/** Objects below a prefix live for so many days, and a day more once they are replaced or deleted. */
const lasting = (prefix: string, days: number): s3.LifecycleRule[] => [
  {
    id: prefix.replace('/', ''),
    prefix,
    expiration: Duration.days(days),
    noncurrentVersionExpiration: Duration.days(1),
  },
];

const uploadOrigins = (settings: StackSettings): string[] => {
  const own = settings['domain-name'];
  const other = settings['cors-origin'];
  return own === undefined || other === '*' ? ['*'] : [`https://${own}`, other];
};
