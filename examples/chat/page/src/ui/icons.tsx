import type { ComponentChildren } from 'preact';

/** Decoration: the text beside it has the meaning. */
function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export const MenuIcon = () => (
  <Icon>
    <path d="M3 5.5h14M3 10h14M3 14.5h9" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="m5 5 10 10M15 5 5 15" />
  </Icon>
);

export const PanelIcon = () => (
  <Icon>
    <path d="m6.5 6-4 4 4 4M13.5 6l4 4-4 4M11.5 4l-3 12" />
  </Icon>
);

export const SendIcon = () => (
  <Icon>
    <path d="M10 16V4.5M4.8 9.4 10 4.2l5.2 5.2" />
  </Icon>
);

export const DownIcon = () => (
  <Icon>
    <path d="M10 4v11.5M4.8 10.6 10 15.8l5.2-5.2" />
  </Icon>
);

export const LockIcon = () => (
  <Icon>
    <rect x="4" y="9" width="12" height="8" rx="2" />
    <path d="M6.8 9V6.4a3.2 3.2 0 0 1 6.4 0V9" />
  </Icon>
);

export const DoorIcon = () => (
  <Icon>
    <path d="M5 17V8a5 5 0 0 1 10 0v9M3 17h14" />
    <path d="M10 8v9" />
  </Icon>
);

export const SpeechIcon = () => (
  <Icon>
    <path d="M4 4.5h12a1.5 1.5 0 0 1 1.5 1.5v6.5A1.5 1.5 0 0 1 16 14H9l-4 3v-3H4a1.5 1.5 0 0 1-1.5-1.5V6A1.5 1.5 0 0 1 4 4.5Z" />
  </Icon>
);

export const ClockIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="7" />
    <path d="M10 6v4.2l2.7 1.8" />
  </Icon>
);

export const WarnIcon = () => (
  <Icon>
    <path d="M10 3.2 17.6 16.4H2.4L10 3.2Z" />
    <path d="M10 8.2v3.6M10 14v.1" />
  </Icon>
);

const TickIcon = () => (
  <Icon>
    <path d="m4.5 10.5 3.7 3.7 7.3-8" />
  </Icon>
);

const StopIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="7" />
    <path d="m5.2 5.2 9.6 9.6" />
  </Icon>
);

const CloudOffIcon = () => (
  <Icon>
    <path d="M6 14.8a3.3 3.3 0 0 1-.4-6.6A4.6 4.6 0 0 1 14.3 8a3.4 3.4 0 0 1 .6 6.7" />
    <path d="m4 4 12 13" />
  </Icon>
);

const TurningIcon = () => (
  <svg class="icon turning" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
    <path d="M16.5 10a6.5 6.5 0 1 1-2.2-4.9" />
    <path d="M14.6 1.9v3.5h-3.5" />
  </svg>
);

const OF_TONE = { ok: TickIcon, busy: TurningIcon, warn: WarnIcon, bad: StopIcon, off: CloudOffIcon } as const;

export function ToneIcon({ tone }: { tone: keyof typeof OF_TONE }) {
  const One = OF_TONE[tone];
  return <One />;
}
