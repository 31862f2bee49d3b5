import { auditTools, emulatorTools } from './tools.ts';

export const setup = async (): Promise<void> => {
  await Promise.all([auditTools(), emulatorTools()]);
};
