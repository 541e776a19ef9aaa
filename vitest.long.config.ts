import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

/** Long sweeps: `npm run test:long`, before an issue is called resolved. (Merging would keep the base's exclusion of them.) */
export default defineConfig({ test: { ...base.test, include: ['test/long/**/*.test.ts'], exclude: [] } });
