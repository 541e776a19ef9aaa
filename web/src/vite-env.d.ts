/** @file Types of what the bundler understands beside TypeScript: style sheets and fonts. */
declare module '*.css';
declare module '@fontsource-variable/inter';
declare module '@fontsource-variable/jetbrains-mono';
