export declare const RECORD: string;
export declare function recordOf(
  folder: string,
): Promise<Readonly<Record<'declarations' | 'generator' | 'pages', string>>>;
export declare function plainDeclaration(text: string): string;
