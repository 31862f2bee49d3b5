/**
 * Stands in for `@aws-sdk/credential-provider-node` in the bundles. Lambda hands a function its credentials in the
 * environment: looking for profiles, sign-ons and metadata services would be a tenth of each bundle, never used.
 */
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';
