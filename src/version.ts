/** Of the engine: package.json's, which a test holds it to. */
export const folioVersion = '0.1.0';

/** The least major version of Node that trains; what generates and serves runs in older ones, as package.json says. */
export const leastNodeOfTraining = 24;
