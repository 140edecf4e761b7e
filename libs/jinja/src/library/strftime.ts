/** A moment as a clock on the wall shows it. */
export interface WallTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond?: number;
}

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

const two = (value: number): string => String(value).padStart(2, '0');

/** Python's `strftime` in English, whatever the host's language: directives that are not known stay as they are written. */
export function strftime(time: WallTime, format: string): string {
  return format.replaceAll(/%(-?)([A-Za-z%])/g, (whole, minus: string, code: string) => {
    const text = directive(time, code);
    if (text === undefined) return whole;
    return minus === '-' ? text.replace(/^0+(?=\d)/, '') : text;
  });
}

function directive(time: WallTime, code: string): string | undefined {
  const { year, month, day, hour, minute, second } = time;
  const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
  const dayOfYear = Math.round((Date.UTC(year, month - 1, day) - Date.UTC(year, 0, 1)) / 86_400_000) + 1;
  switch (code) {
    case 'a':
      return DAYS[weekday].slice(0, 3);
    case 'A':
      return DAYS[weekday];
    case 'b':
    case 'h':
      return MONTHS[month - 1].slice(0, 3);
    case 'B':
      return MONTHS[month - 1];
    case 'd':
      return two(day);
    case 'e':
      return String(day).padStart(2);
    case 'm':
      return two(month);
    case 'y':
      return two(year % 100);
    case 'Y':
      return String(year);
    case 'H':
      return two(hour);
    case 'I':
      return two(hour % 12 === 0 ? 12 : hour % 12);
    case 'p':
      return hour < 12 ? 'AM' : 'PM';
    case 'M':
      return two(minute);
    case 'S':
      return two(second);
    case 'f':
      return String(time.microsecond ?? 0).padStart(6, '0');
    case 'j':
      return String(dayOfYear).padStart(3, '0');
    case 'w':
      return String(weekday);
    case 'u':
      return String(weekday === 0 ? 7 : weekday);
    case 'U':
      return two(Math.floor((dayOfYear + 6 - weekday) / 7));
    case 'W':
      return two(Math.floor((dayOfYear + 6 - ((weekday + 6) % 7)) / 7));
    case 'D':
    case 'x':
      return `${two(month)}/${two(day)}/${two(year % 100)}`;
    case 'F':
      return `${year}-${two(month)}-${two(day)}`;
    case 'T':
    case 'X':
      return `${two(hour)}:${two(minute)}:${two(second)}`;
    case 'R':
      return `${two(hour)}:${two(minute)}`;
    case 'c':
      return `${DAYS[weekday].slice(0, 3)} ${MONTHS[month - 1].slice(0, 3)} ${String(day).padStart(2)} ${two(hour)}:${two(minute)}:${two(second)} ${year}`;
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'z':
    case 'Z':
      // A time without a zone, as `datetime.now()` is.
      return '';
    case '%':
      return '%';
    default:
      return undefined;
  }
}
