import { documentCases } from './document.cases.ts';

documentCases('docs/tutorial.md');
