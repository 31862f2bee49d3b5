import { Duration, Stack } from 'aws-cdk-lib';
import type * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as budgets from 'aws-cdk-lib/aws-budgets';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { NodeFunction } from './node-function.ts';

export interface MonitoringProps {
  readonly notifications: sns.ITopic;
  readonly api: apigateway.RestApi;
  readonly generate: NodeFunction;
  readonly admin: NodeFunction;
  /** Absent where IAM decides who may call. */
  readonly authorise: NodeFunction | undefined;
  readonly machines: Readonly<Record<'Retraining' | 'Grid' | 'Bulk', sfn.StateMachine>>;
  /** Starts a training for each upload. */
  readonly uploads: events.Rule;
  readonly deadLetters: sqs.IQueue;
}

const namespace = 'Folio';

/** Alarms that somebody can act on (docs/operations.md has a runbook for each), and a dashboard. */
export class Monitoring extends Construct {
  readonly #notifications: sns.ITopic;
  readonly alarms: cloudwatch.Alarm[] = [];

  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    const { api, generate, admin, authorise, machines, uploads, deadLetters } = props;
    this.#notifications = props.notifications;
    const five = Duration.minutes(5);
    const loadFailures = this.loadFailures(generate);
    const firstCharacter = this.firstCharacter(generate);

    this.alarm('ServerErrors', 'Requests were answered with 5xx', api.metricServerError({ period: five }), 1);
    this.alarm(
      'Throttles',
      'Generations were turned away: reserved concurrency is used up',
      generate.function.metricThrottles({ period: five }),
      1,
    );
    this.alarm(
      'SlowGenerations',
      'The slowest hundredth of texts took longer than 5 s to their first character',
      firstCharacter.with({ statistic: 'p99' }),
      5_000,
    );
    this.alarm(
      'AdminThrottles',
      'Pages and administration were turned away: the account has no concurrency left',
      admin.function.metricThrottles({ period: five }),
      1,
    );
    if (authorise !== undefined) {
      this.alarm(
        'AuthoriserErrors',
        'The authoriser failed',
        authorise.function.metricErrors({ period: five }),
        1,
      );
      this.alarm(
        'AuthoriserThrottles',
        'Callers were turned away: the account has no concurrency left for the authoriser',
        authorise.function.metricThrottles({ period: five }),
        1,
      );
    }
    this.alarm(
      'OpenFlood',
      'More requests than people make: somebody floods the endpoint',
      api.metricCount({ period: five }),
      30_000,
    );
    this.alarm(
      'RefusedRequests',
      'Requests were refused (4xx) in numbers: a client has a wrong key or a fault, or somebody tries keys',
      api.metricClientError({ period: five }),
      1_000,
    );
    this.alarm(
      'UndeliveredEvents',
      'An upload could not be handed to its state machine',
      new cloudwatch.Metric({
        ...{ namespace: 'AWS/Events', metricName: 'FailedInvocations', statistic: 'Sum', period: five },
        dimensionsMap: { RuleName: uploads.ruleName },
      }),
      1,
    );
    this.alarm(
      'ExecutionsThrottled',
      'Batches of a bulk job wait for a limit of Step Functions',
      machines.Bulk.metricThrottled({ period: five }),
      1,
    );
    this.alarm('ModelLoadFailures', 'A function could not load its model', loadFailures, 1);
    this.alarm(
      'DeadLetters',
      'An upload could not start its training',
      deadLetters.metricApproximateNumberOfMessagesVisible({ period: five, statistic: 'Maximum' }),
      1,
    );
    for (const [name, machine] of Object.entries(machines)) {
      this.alarm(
        `${name}Failed`,
        `An execution of ${name} failed`,
        machine.metricFailed({ period: five }),
        1,
      );
      this.alarm(
        `${name}TimedOut`,
        `An execution of ${name} ran out of time`,
        machine.metricTimedOut({ period: five }),
        1,
      );
    }

    const period = five;
    new cloudwatch.Dashboard(this, 'Dashboard', { defaultInterval: Duration.days(1) }).addWidgets(
      new cloudwatch.AlarmStatusWidget({ title: 'Alarms', alarms: this.alarms, width: 24, height: 3 }),
      graph('Requests', [
        api.metricCount({ period }),
        api.metricClientError({ period }),
        api.metricServerError({ period }),
      ]),
      graph('Latency, ms', [
        api.metricLatency({ period, statistic: 'p50' }),
        api.metricLatency({ period, statistic: 'p99' }),
      ]),
      graph('To the first character, ms', [
        firstCharacter.with({ statistic: 'p50' }),
        firstCharacter.with({ statistic: 'p99' }),
      ]),
      graph('Functions: ms', [
        generate.function.metricDuration({ period, statistic: 'p50', label: 'generate p50' }),
        generate.function.metricDuration({ period, statistic: 'p99', label: 'generate p99' }),
        admin.function.metricDuration({ period, statistic: 'p99', label: 'admin p99' }),
      ]),
      graph('Functions: at once, turned away, failed', [
        generate.function.metric('ConcurrentExecutions', { period, statistic: 'Maximum' }),
        generate.function.metricThrottles({ period }),
        generate.function.metricErrors({ period }),
        loadFailures,
      ]),
      graph(
        'Executions',
        Object.entries(machines).flatMap(([name, machine]) => [
          machine.metricSucceeded({ period, label: `${name} succeeded` }),
          machine.metricFailed({ period, label: `${name} failed` }),
        ]),
      ),
    );
  }

  private alarm(id: string, alarmDescription: string, metric: cloudwatch.IMetric, threshold: number): void {
    const alarm = new cloudwatch.Alarm(this, id, {
      alarmDescription,
      metric,
      threshold,
      evaluationPeriods: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new actions.SnsAction(this.#notifications));
    alarm.addOkAction(new actions.SnsAction(this.#notifications));
    this.alarms.push(alarm);
  }

  /** Read from the log line of each text: what its reader waited for, whatever it did with the rest. */
  private firstCharacter(generate: NodeFunction): cloudwatch.Metric {
    const filter = new logs.MetricFilter(this, 'FirstCharacter', {
      logGroup: generate.logGroup,
      filterPattern: logs.FilterPattern.numberValue('$.message.firstCharacterMilliseconds', '>=', 0),
      metricNamespace: namespace,
      metricName: 'TimeToFirstCharacter',
      metricValue: '$.message.firstCharacterMilliseconds',
      unit: cloudwatch.Unit.MILLISECONDS,
    });
    return filter.metric({ period: Duration.minutes(5) });
  }

  /** Counted from the log, so that nothing for it is in the function. */
  private loadFailures(generate: NodeFunction): cloudwatch.Metric {
    const filter = new logs.MetricFilter(this, 'LoadFailures', {
      logGroup: generate.logGroup,
      filterPattern: logs.FilterPattern.any(
        ...['model_damaged', 'model_invalid', 'model_unsupported', 'store_failed'].map((code) =>
          logs.FilterPattern.stringValue('$.message.code', '=', code),
        ),
      ),
      metricNamespace: namespace,
      metricName: 'ModelLoadFailures',
      metricValue: '1',
    });
    return filter.metric({ statistic: 'Sum', period: Duration.minutes(5) });
  }
}

const graph = (title: string, left: cloudwatch.IMetric[]): cloudwatch.GraphWidget =>
  new cloudwatch.GraphWidget({ title, left, width: 12, height: 6 });

/** A topic for trainings and alarms; services of the account may publish to it over TLS. */
export function notificationsTopic(scope: Construct, id: string): sns.Topic {
  const topic = new sns.Topic(scope, id, { enforceSSL: true });
  topic.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'AlarmsAndBudgets',
      principals: ['cloudwatch', 'budgets'].map((name) => new iam.ServicePrincipal(`${name}.amazonaws.com`)),
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  );
  return topic;
}

/** A warning when the month's bill of the account is forecast to pass, or has passed, this sum. */
export function monthlyBudget(
  scope: Construct,
  id: string,
  dollars: number,
  notifications: sns.ITopic,
): void {
  if (dollars === 0) return;
  const subscribers = [{ subscriptionType: 'SNS', address: notifications.topicArn }];
  new budgets.CfnBudget(scope, id, {
    budget: {
      budgetType: 'COST',
      timeUnit: 'MONTHLY',
      budgetLimit: { amount: dollars, unit: 'USD' },
    },
    notificationsWithSubscribers: [
      ['FORECASTED', 100] as const,
      ['ACTUAL', 80] as const,
      ['ACTUAL', 100] as const,
    ].map(([notificationType, threshold]) => ({
      notification: {
        notificationType,
        threshold,
        thresholdType: 'PERCENTAGE',
        comparisonOperator: 'GREATER_THAN',
      },
      subscribers,
    })),
  });
}
