export { createLogger, LOG_LEVELS, type LogLevel, type LoggerOptions } from './logger.node.js';
export { watchEventLoopDelay, type EventLoopDelay, type EventLoopMonitor } from './event-loop-delay.node.js';
