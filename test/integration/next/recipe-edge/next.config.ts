// next.config.ts
import type { NextConfig } from 'next';

const config: NextConfig = {
  // One copy of each for all bundles.
  serverExternalPackages: ['@opentelemetry/api', '@throughline/sdk', '@throughline/web'],
};

export default config;
