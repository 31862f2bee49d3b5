import { pythonTools } from '../python-tools.ts';

/** The emulator of AWS that the stacks are deployed into; boto3 is for CDK's own functions in it. */
export const emulatorTools = (): Promise<string> =>
  pythonTools('ministack-1.5.33', ['ministack==1.5.33', 'boto3==1.43.106']);

/** The AWS CLI, which `npm run verify:aws` calls. */
export const awsCli = (): Promise<string> => pythonTools('awscli-1.46.3', ['awscli==1.46.3']);

/** The auditors of templates. */
export const auditTools = (): Promise<string> =>
  pythonTools('template-audits-1', ['cfn-lint==1.58.0', 'checkov==3.2.459']);
