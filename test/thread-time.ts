/** Milliseconds for which this thread has computed: unlike a clock, they do not grow with the other work of the machine. */
export const threadTime = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};
