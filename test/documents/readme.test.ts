import { documentCases } from './document.cases.ts';

documentCases('README.md');
