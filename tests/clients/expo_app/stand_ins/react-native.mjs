export const Platform = { OS: process.env.PLATFORM };
