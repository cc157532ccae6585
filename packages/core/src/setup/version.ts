/** The version of every Throughline package: they are released together. */
export const VERSION = '0.1.0';
