/**
 * What the auditors of templates find that is meant as it is. Each has to answer a finding, and every finding has to
 * be answered: `audits.test.ts` holds both.
 */
export interface Explanation {
  readonly check: string;
  /** Logical ids. */
  readonly resources: RegExp;
  readonly reason: string;
}

export const ofCfnLint: readonly Explanation[] = [
  {
    check: 'W3005',
    resources: /.*/,
    reason: 'The CDK writes down dependencies that a reference implies already; they do no harm.',
  },
  {
    check: 'W6001',
    resources: /^(?:ModelBucket|CorporaBucket|UploadCorpus)$/,
    reason: 'The lines to paste stand in the outputs of the stack that people deploy last.',
  },
];

const noKey = 'A key of KMS costs a dollar a month while idle';

export const ofCheckov: readonly Explanation[] = [
  {
    check: 'CKV_AWS_26',
    resources: /^Notifications/,
    reason: `${noKey}, and AWS's own key of SNS takes no alarms. Its messages hold names and figures.`,
  },
  {
    check: 'CKV_AWS_158',
    resources: /Log|Accesses|NetworkFlows/,
    reason: `${noKey}. CloudWatch encrypts logs with keys of its own, and no text is ever logged.`,
  },
  {
    check: 'CKV_AWS_27',
    resources: /DeadLetters/,
    reason: 'Encrypted by SQS itself (SqsManagedSseEnabled), which this check does not know.',
  },
  {
    check: 'CKV_AWS_116',
    resources: /Function/,
    reason: 'Called synchronously: the caller receives the failure.',
  },
  {
    check: 'CKV_AWS_117',
    resources: /Function/,
    reason:
      'They call public AWS services alone; in a VPC they would need a NAT gateway, at 32 dollars a month.',
  },
  {
    check: 'CKV_AWS_115',
    resources: /^(?:GridPublishBest|PrebuiltModelInstallModel|Generate|Admin|BulkItem|Authorise)Function/,
    reason:
      'A new account can reserve none (folio:concurrency does, for generating); the usage plan and the map bound them.',
  },
  {
    check: 'CKV_AWS_173',
    resources: /Function/,
    reason: `${noKey}. Lambda encrypts the environment with a key of its own.`,
  },
  {
    check: 'CKV_AWS_18',
    resources: /^Accesses/,
    reason: 'It is the bucket of the access logs.',
  },
  {
    check: 'CKV_AWS_73',
    resources: /DeploymentStagelive/,
    reason:
      'A trace of the gateway holds the query of GET /generate, and with it a prompt. Functions are traced.',
  },
  {
    check: 'CKV_AWS_120',
    resources: /DeploymentStagelive/,
    reason: 'A cache costs by the hour, and no two generations are to be the same.',
  },
  {
    check: 'CKV_AWS_59',
    resources: /^Api(?:GET|HEAD|health|docs|openapijson|serviceworker|assets)/,
    reason: 'The pages for people and the health check, which show nothing of a model.',
  },
];
