export const THROWN: Readonly<Record<string, Readonly<Record<'where' | 'meaning' | 'fix', string>>>>;
export const UNAUTHENTICATED: Readonly<Record<string, Readonly<Record<'meaning' | 'fix' | 'client' | 'wire', string>>>>;
export const ROOMS: Readonly<
  Record<string, { readonly meaning: string; readonly fix: string; readonly client?: string; readonly wire?: string }>
>;
export const ANSWERS: Readonly<Record<string, Readonly<Record<'meaning' | 'fix' | 'wire', string>>>>;
