/** Of the engine: package.json's, which a test holds it to. */
export const folioVersion = '0.1.0';
