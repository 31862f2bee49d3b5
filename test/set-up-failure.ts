import { inject } from 'vitest';

const failure = inject('setUpFailure');
if (failure !== undefined) throw new Error(failure);
