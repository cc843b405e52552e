import Constants from "expo-constants";
import * as Crypto from "expo-crypto";
import * as Device from "expo-device";
import * as Notifications from "expo-notifications";
import * as SecureStore from "expo-secure-store";
import { Platform } from "react-native";

const API = "https://api.example.com/v2";
const CHANNEL = "default"; // CALBELL_ANDROID_CHANNEL
const REQUEST_CATEGORY = "calcom_booking_request_actions"; // CALBELL_REQUEST_CATEGORY
const CONFIRM = "confirm_booking_request";
const DECLINE = "decline_booking_request";

const DEVICE_ID = "push_device_id";
const REGISTERED_TOKEN = "push_registered_token";
const TIMEOUT_MS = 30_000;
const LOGOUT_PATIENCE_MS = 3_000;

export type Registered = "registered" | "no phone" | "not permitted" | "not authorized" | "failed";

/** What the rest of the app gives to this module. */
export type App = {
  /** The user's token for the API, or null while nobody is logged in. */
  apiToken(): Promise<string | null>;
  openBooking(uid: string): void;
  openBookings(): void;
  /** An answer to a request was sent; `done` is false where the API refused it. */
  answered(uid: string, done: boolean): void;
};

/** Without it nothing is shown while the app is open. */
Notifications.setNotificationHandler({
  handleNotification: async () => ({
    shouldShowBanner: true,
    shouldShowList: true,
    shouldPlaySound: true,
    shouldSetBadge: false,
  }),
});

let underWay: Promise<Registered> = Promise.resolve("registered");

/**
 * Call it at every login and at every start with somebody logged in. The server keeps one row for
 * a user and token, however often it is told.
 */
export function registerPhone(
  apiToken: string,
  devicePushToken?: Notifications.DevicePushToken,
): Promise<Registered> {
  // One after another: a new token must not be overtaken by the old one.
  underWay = underWay.then(() => register(apiToken, devicePushToken).catch(() => "failed"));
  return underWay;
}

async function register(
  apiToken: string,
  devicePushToken?: Notifications.DevicePushToken,
): Promise<Registered> {
  if (!Device.isDevice) return "no phone";
  await prepare();
  if (!(await permitted())) return "not permitted";

  const projectId: string | undefined =
    Constants.expoConfig?.extra?.eas?.projectId ?? Constants.easConfig?.projectId;
  if (projectId === undefined) throw new Error("app.json has no extra.eas.projectId");
  const { data: token } = await Notifications.getExpoPushTokenAsync({
    projectId,
    devicePushToken,
  });

  const answer = await call("POST", "/notifications/subscriptions/app-push", apiToken, {
    token,
    platform: Platform.OS === "ios" ? "IOS" : "ANDROID",
    deviceId: await deviceId(),
  });
  // The app may get itself a new token for the API, and call once more.
  if (answer.status === 401) return "not authorized";
  // No loop of retries: the next start registers again.
  if (answer.status !== 201) return "failed";

  const before = await SecureStore.getItemAsync(REGISTERED_TOKEN);
  await SecureStore.setItemAsync(REGISTERED_TOKEN, token);
  if (before !== null && before !== token) await remove(apiToken, before);
  return "registered";
}

/** Call it before logout, while the token for the API is still good. */
export async function removePhone(apiToken: string): Promise<boolean> {
  // A registration that ends after the removal would leave a phone that rings for nobody.
  await Promise.race([underWay, pause(LOGOUT_PATIENCE_MS)]);
  const token = await SecureStore.getItemAsync(REGISTERED_TOKEN);
  if (token === null) return true;
  const removed = await remove(apiToken, token).catch(() => false);
  // Kept where it failed: the next login of this user can try again.
  if (removed) await SecureStore.deleteItemAsync(REGISTERED_TOKEN);
  return removed;
}

/** Call it once, when the app starts; what it returns ends it. */
export function listen(app: App): () => void {
  const changes = Notifications.addPushTokenListener(async (devicePushToken) => {
    const apiToken = await app.apiToken();
    // The new token is handed on: asking for it in here would call this listener again.
    if (apiToken !== null) await registerPhone(apiToken, devicePushToken);
  });
  const taps = Notifications.addNotificationResponseReceivedListener((response) => {
    void tapped(app, response);
  });
  // The tap that started the app came before there was a listener.
  const first = Notifications.getLastNotificationResponse();
  if (first !== null) void tapped(app, first);
  return () => {
    changes.remove();
    taps.remove();
  };
}

const handled = new Set<string>();

async function tapped(app: App, response: Notifications.NotificationResponse): Promise<void> {
  const { identifier, content } = response.notification.request;
  const key = `${identifier} ${response.actionIdentifier}`;
  // The first tap may come twice, and confirming twice is an error at Cal.com.
  if (handled.has(key)) return;
  handled.add(key);
  Notifications.clearLastNotificationResponse();

  const uid = bookingUid(content.data);
  const action = response.actionIdentifier;
  if (uid === null) {
    app.openBookings();
  } else if (action === CONFIRM || action === DECLINE) {
    const apiToken = await app.apiToken();
    if (apiToken === null) return app.openBooking(uid);
    const verb = action === CONFIRM ? "confirm" : "decline";
    const path = `/bookings/${encodeURIComponent(uid)}/${verb}`;
    const done = await call("POST", path, apiToken, {}).then(
      (answer) => answer.ok,
      () => false,
    );
    app.answered(uid, done);
  } else {
    app.openBooking(uid);
  }
}

/** `bookingUid`, or the `uid` of the deep link. */
function bookingUid(data: Record<string, unknown> | null): string | null {
  if (typeof data?.bookingUid === "string" && data.bookingUid !== "") return data.bookingUid;
  const found = typeof data?.url === "string" ? /[?&]uid=([^&#]+)/.exec(data.url) : null;
  return found?.[1] === undefined ? null : decodeURIComponent(found[1]);
}

/** The channel and the buttons have to be there before the first notification. */
async function prepare(): Promise<void> {
  if (Platform.OS === "android") {
    // Before the question for permission too: Android 13 asks only for an app with a channel.
    await Notifications.setNotificationChannelAsync(CHANNEL, {
      name: "Bookings",
      importance: Notifications.AndroidImportance.MAX,
      vibrationPattern: [0, 250, 250, 250],
    });
  }
  const options = { opensAppToForeground: true, isAuthenticationRequired: true };
  await Notifications.setNotificationCategoryAsync(REQUEST_CATEGORY, [
    { identifier: CONFIRM, buttonTitle: "Confirm", options },
    { identifier: DECLINE, buttonTitle: "Decline", options: { ...options, isDestructive: true } },
  ]);
}

async function permitted(): Promise<boolean> {
  const now = await Notifications.getPermissionsAsync();
  if (now.granted) return true;
  return now.canAskAgain && (await Notifications.requestPermissionsAsync()).granted;
}

/** A random id that stays while the app is installed. */
async function deviceId(): Promise<string> {
  const known = await SecureStore.getItemAsync(DEVICE_ID);
  if (known !== null) return known;
  const made = Crypto.randomUUID();
  await SecureStore.setItemAsync(DEVICE_ID, made);
  return made;
}

/** Whether the user's row of this token is gone. */
async function remove(apiToken: string, token: string): Promise<boolean> {
  const path = "/notifications/subscriptions/app-push";
  const answer = await call("DELETE", path, apiToken, { token });
  return answer.status === 200 || answer.status === 404;
}

async function call(
  method: string,
  path: string,
  apiToken: string,
  body: object,
): Promise<Response> {
  const given = new AbortController();
  const timer = setTimeout(() => given.abort(), TIMEOUT_MS);
  try {
    return await fetch(API + path, {
      method,
      headers: {
        Authorization: `Bearer ${apiToken}`,
        "Content-Type": "application/json",
        "cal-api-version": "2024-08-13",
      },
      body: JSON.stringify(body),
      signal: given.signal,
    });
  } finally {
    clearTimeout(timer);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
