import { mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** Long sweeps: `npm run test:long`, before an issue is called resolved. */
export default mergeConfig(base, { test: { include: ['test/long/**/*.test.ts'], exclude: [] } });
