// A phone's system, as far as the examples ask it: it remembers what was asked, in order, and gets
// its push tokens from the Expo simulator, as a development build does.
import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";

const { EXPO_URL, PLATFORM, PROJECT_ID } = process.env;
const happenings = new EventEmitter();
let installation = randomUUID();
let permission = { granted: false, canAskAgain: true };
let launchedBy = null;

export const asked = [];
export const AndroidImportance = { MAX: 7 };

export async function getExpoPushTokenAsync({ projectId = PROJECT_ID, devicePushToken } = {}) {
  asked.push(["getExpoPushTokenAsync", projectId]);
  const response = await fetch(`${EXPO_URL}/--/api/v2/push/getExpoPushToken`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      type: PLATFORM === "ios" ? "apns" : "fcm",
      deviceId: installation,
      development: false,
      appId: "com.example.app",
      deviceToken: devicePushToken?.data ?? "first",
      projectId,
    }),
  });
  return { type: "expo", data: (await response.json()).data.expoPushToken };
}

export async function getPermissionsAsync() {
  asked.push(["getPermissionsAsync"]);
  return permission;
}

export async function requestPermissionsAsync() {
  asked.push(["requestPermissionsAsync"]);
  permission = { granted: process.env.PERMITTED !== "no", canAskAgain: false };
  return permission;
}

export async function setNotificationChannelAsync(id) {
  asked.push(["setNotificationChannelAsync", id]);
}

export async function setNotificationCategoryAsync(id, actions) {
  asked.push(["setNotificationCategoryAsync", id, actions.map((action) => action.identifier)]);
}

export function setNotificationHandler() {
  asked.push(["setNotificationHandler"]);
}

export function addPushTokenListener(listener) {
  return listening("token", listener);
}

export function addNotificationResponseReceivedListener(listener) {
  return listening("tap", listener);
}

export function getLastNotificationResponse() {
  return launchedBy;
}

export function clearLastNotificationResponse() {
  launchedBy = null;
}

function listening(name, listener) {
  happenings.on(name, listener);
  return { remove: () => happenings.off(name, listener) };
}

// What happens to the phone, for the tests.

export function tokenChanges() {
  installation = randomUUID();
  happenings.emit("token", { type: PLATFORM, data: "second" });
}

export function tap(response) {
  happenings.emit("tap", response);
}

export function launchBy(response) {
  launchedBy = response;
}
