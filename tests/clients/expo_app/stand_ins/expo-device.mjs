export const isDevice = process.env.EMULATOR === undefined;
export const modelId = process.env.PLATFORM === "ios" ? "iPhone14,2" : null;
