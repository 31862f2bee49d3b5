import { documentCases } from './document.cases.ts';

documentCases('docs/recipes.md');
