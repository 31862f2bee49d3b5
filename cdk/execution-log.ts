import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { StackSettings } from './settings.ts';

/**
 * Events of a state machine's executions, kept as long as all logs, without inputs and outputs: rows of prompts, texts and
 * samples pass through the states.
 */
export const executionLog = (
  scope: Construct,
  settings: StackSettings,
  name: string,
  level = sfn.LogLevel.ALL,
): sfn.LogOptions => ({
  destination: new logs.LogGroup(scope, 'Log', {
    // Delivery is set up by a resource policy of bounded size, unless the name has this beginning.
    logGroupName: `/aws/vendedlogs/states/${Stack.of(scope).stackName}-${name}`,
    retention: settings['log-days'],
    removalPolicy: RemovalPolicy.DESTROY,
  }),
  level,
  includeExecutionData: false,
});
