// Expo's Node SDK in the loop that its README shows: chunks of a hundred, one after the other.
// `node send.mjs NUMBER WARM_UP` sends to EXPO_BASE_URL and prints what it took, as JSON.
import { Expo } from "expo-server-sdk";

const [number, warmUp] = process.argv.slice(2).map(Number);
const messages = JSON.parse(await new Response(process.stdin).text());
const expo = new Expo();
let tickets = [];

async function send(some) {
  for (const chunk of expo.chunkPushNotifications(some)) {
    tickets.push(...(await expo.sendPushNotificationsAsync(chunk)));
  }
}

await send(messages.slice(0, warmUp));
tickets = [];
const cpu = process.cpuUsage();
const beganAt = performance.now();
await send(messages.slice(warmUp, warmUp + number));
const seconds = (performance.now() - beganAt) / 1000;
const { user, system } = process.cpuUsage(cpu);
const sent = tickets.filter((ticket) => ticket.status === "ok").length;
console.log(JSON.stringify({ number: sent, seconds, cpu_seconds: (user + system) / 1e6 }));
