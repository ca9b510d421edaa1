export function installedBun(): string | undefined;
