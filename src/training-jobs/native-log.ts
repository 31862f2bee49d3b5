/**
 * Whether a line is TensorFlow's own report that all is well, which its C++ code writes to stderr before any setting
 * reaches it: absl's notice and lines of severity `I`. Warnings and errors are not among them.
 */
export const isNativeLogLine = (line: string): boolean =>
  /^WARNING: All log messages before absl::InitializeLog\(\) is called/.test(line) ||
  /^I\d{4} [\d:.]+ +\d+ \S+:\d+\] /.test(line) ||
  /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: I tensorflow\//.test(line);
