/** The model whose weights another one started from. */
export interface Lineage {
  readonly name?: string;
  readonly version?: string;
  /** `sha256:…` over topology, weights manifest and weights. */
  readonly digest: string;
}

/** `shakespeare@20261127T085714Z-678cc60b`, or the digest of a model that has no name. */
export const lineageText = ({ name, version, digest }: Lineage): string =>
  name === undefined ? digest : version === undefined ? name : `${name}@${version}`;
