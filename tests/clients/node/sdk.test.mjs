// Expo's Node SDK against the simulator: the SDK's own tests, which intercept requests inside the
// process, made over real HTTP; then cases and faults, and what the SDK makes of each.
//
// EXPO_BASE_URL is where the simulator listens, SDK the package to be tested.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Agent } from 'undici';

const { Expo } = await import(process.env.SDK);
const base = process.env.EXPO_BASE_URL;
const OK = 'ExponentPushToken[ok]';
const GONE = 'ExponentPushToken[gone]';

const control = async (path, body) => {
  const init = body && { method: 'POST', body: JSON.stringify(body) };
  const answer = await fetch(`${base}/_sim${path}`, init);
  assert.equal(answer.status, 200, await answer.clone().text());
  return await answer.json();
};
const fault = (id, options = {}, more = {}) => control('/faults', { fault: id, options, ...more });
const requests = async () => (await control('/requests?raw=1')).requests;
const displayed = async (token) =>
  (await control(`/devices/${encodeURIComponent(token)}/displayed`)).displayed;
const client = (options = {}) => new Expo({ retryMinTimeout: 1, ...options });
const send = (...messages) => client().sendPushNotificationsAsync(messages);
const rejection = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: 'it was not rejected' });
};
const padded = (length) => {
  const bare = JSON.stringify([{ to: OK, title: '' }]).length;
  return { to: OK, title: 'ä'.repeat(length - bare) };
};

beforeEach(() => control('/reset', {}));

describe("the SDK's own tests", () => {
  test('1: a send resolves with the tickets', async () => {
    const [ticket] = await send({ to: OK, title: 'Booked' });
    assert.equal(ticket.status, 'ok');
    const [logged] = await requests();
    assert.match(logged.headers['user-agent'], /^expo-server-sdk-node\//);
  });

  test('2, S30: an access token is sent, and a wrong one rejected with its text', async () => {
    await control('/projects', { project: '@simulator/first', access_tokens: ['good'] });
    await client({ accessToken: 'good' }).sendPushNotificationsAsync([{ to: OK }]);
    assert.equal((await requests())[0].headers.authorization, 'Bearer good');
    const error = await rejection(
      client({ accessToken: 'wrong' }).sendPushNotificationsAsync([{ to: OK }]),
    );
    assert.match(error.message, /The bearer token is invalid/);
    assert.equal(error.statusCode, 401);
  });

  test('3, S07: over 1024 UTF-16 units the body is gzip of the same JSON', async () => {
    for (const length of [1024, 1025]) await send(padded(length));
    const [plain, packed] = await requests();
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.equal(packed.headers['content-encoding'], 'gzip');
    const unpacked = gunzipSync(Buffer.from(packed.raw, 'base64')).toString();
    assert.deepEqual(JSON.parse(unpacked), [padded(1025)]);
    assert.deepEqual(packed.body, [padded(1025)]);
    assert.equal((await displayed(OK)).length, 2);
  });

  test('4: the agent that was given is used', async () => {
    let dispatched = 0;
    class Counting extends Agent {
      dispatch(...of) {
        dispatched += 1;
        return super.dispatch(...of);
      }
    }
    const httpAgent = new Counting();
    await client({ httpAgent }).sendPushNotificationsAsync([{ to: OK }]);
    assert.equal(dispatched, 1);
    await httpAgent.close();
  });

  test('5, F12: a number of tickets that does not fit', async () => {
    await fault('F12', { variant: 'fewer' });
    const few = await rejection(send({ to: [OK, OK] }));
    assert.equal(few.message, 'Expected Expo to respond with 2 tickets but got 1');
    await fault('F12', { variant: 'more' });
    const many = await rejection(send({ to: [OK, OK] }));
    assert.equal(many.message, 'Expected Expo to respond with 2 tickets but got 3');
  });

  test('6, S32, F14: 200 with errors, with data or without', async () => {
    for (const id of ['S32', 'F14']) {
      await fault(id);
      const error = await rejection(send({ to: OK }));
      assert.equal(error.message, 'An unknown error occurred.');
      assert.equal(error.code, 'INTERNAL_SERVER_ERROR');
    }
  });

  test('7, F11: 200 with HTML', async () => {
    await fault('F11');
    assert.match((await rejection(send({ to: OK }))).message, /Expo responded with an error/);
  });

  test('8, S24: 400 with errors', async () => {
    const error = await rejection(send({ title: 'to nobody' }));
    assert.equal(error.message, '"[0].to" is required.');
    assert.equal(error.code, 'VALIDATION_ERROR');
    assert.equal(error.statusCode, 400);
  });

  test('9, 10: 400 with other JSON, and with HTML', async () => {
    for (const variant of ['object', 'html']) {
      await fault('F11', { variant, status: 400 });
      const error = await rejection(send({ to: OK }));
      assert.match(error.message, /Expo responded with an error with status code 400/);
    }
  });

  test('11, S31: of several errors the first, and the rest beside it', async () => {
    await fault('S31');
    const error = await rejection(send({ to: OK }));
    assert.equal(error.code, 'VALIDATION_ERROR');
    assert.deepEqual(error.details, { index: 0 });
    assert.match(error.serverStack, /ValidationError/);
    assert.equal(error.others.length, 1);
    assert.match(error.others[0].message, /must be a string/);
  });

  test('12, F01, S28: 429 three times rejects, two times resolves', async () => {
    await fault('F01', {}, { times: 3 });
    const error = await rejection(send({ to: OK }));
    assert.equal(error.code, 'TOO_MANY_REQUESTS');
    assert.equal(error.message, 'Exceeded 600 notifications per second, please try again.');
    assert.equal((await requests()).length, 3);
    await fault('F01', {}, { times: 2 });
    assert.equal((await send({ to: OK }))[0].status, 'ok');
  });

  test('13, S34, F17: receipts resolve with a map, and not with an array', async () => {
    const [{ id }] = await send({ to: OK });
    assert.deepEqual(await client().getPushNotificationReceiptsAsync([id]), {});
    await control('/clock/advance', { seconds: 2 });
    const receipts = await client().getPushNotificationReceiptsAsync([id]);
    assert.deepEqual(receipts, { [id]: { status: 'ok' } });
    await fault('F17');
    const error = await rejection(client().getPushNotificationReceiptsAsync([id]));
    assert.match(error.message, /^Expected Expo to respond with a map/);
    assert.deepEqual(error.data, [{ status: 'ok' }]);
  });

  test('14: chunks', () => {
    const sdk = client();
    const to = (count) => ({ to: Array(count).fill(OK) });
    const singles = (count) => Array(count).fill({ to: OK });
    const count = (message) => (Array.isArray(message.to) ? message.to.length : 1);
    const sizes = (...messages) =>
      sdk.chunkPushNotifications(messages).map((chunk) => chunk.map(count));
    const total = (...messages) => sizes(...messages).map((each) => each.reduce((a, b) => a + b));
    const full = (chunks, rest) => assert.deepEqual(chunks, [...Array(9).fill(100), rest]);
    full(total(...singles(999)), 99);
    full(total(to(999)), 99);
    assert.deepEqual(total(to(100)), [100]);
    assert.deepEqual(total(to(101)), [100, 1]);
    assert.deepEqual(total(to(99), ...singles(2)), [100, 1]);
    assert.deepEqual(total(to(100), ...singles(2)), [100, 2]);
    assert.deepEqual(total(to(99), to(2)), [100, 1]);
    assert.deepEqual(sizes(), []);
    assert.deepEqual(sizes({ to: [] }), []);
    const mixed = total(...singles(888), to(999), ...singles(90), to(10));
    assert.equal(mixed.reduce((a, b) => a + b), 888 + 999 + 90 + 10);
    assert.ok(mixed.every((each) => each <= 100));
    assert.deepEqual(sizes(to(150), { to: OK }, to(60)), [[100], [50, 1, 49], [11]]);
  });

  test('15: chunks of receipt ids', () => {
    const sizes = (count) =>
      client().chunkPushNotificationReceiptIds(Array(count).fill('id')).map((each) => each.length);
    assert.equal(sizes(2999).reduce((a, b) => a + b), 2999);
    assert.deepEqual(sizes(650), [300, 300, 50]);
  });

  test('16: what is a token', async () => {
    const { token } = await control('/devices', {});
    const tokens = [token, OK, 'ExpoPushToken[x]', 'F5741A13-BCDA-434B-A316-5DC0E6FFA94F'];
    for (const each of tokens) assert.ok(Expo.isExpoPushToken(each), each);
    const natives = ['dOKpuo4qbsM:APA91bHkSmF84ROx7Y-2eMGxc0lmpQeN33ZwDMG763dkjd8yjKK', 'a'.repeat(64)];
    for (const native of natives) assert.ok(!Expo.isExpoPushToken(native), native);
  });
});

describe('cases', () => {
  test('S02, S03, S08: tickets in order, up to a hundred', async () => {
    const tickets = await send({ to: OK }, { to: [GONE, OK] }, { to: OK });
    assert.deepEqual(tickets.map(({ status }) => status), ['ok', 'error', 'ok', 'ok']);
    assert.equal((await send({ to: Array(100).fill(OK) })).length, 100);
  });

  test('S12, S14: the ticket of a token that nobody has', async () => {
    const [ok, gone] = await send({ to: OK }, { to: GONE });
    assert.equal(ok.status, 'ok');
    assert.equal(gone.message, `"${GONE}" is not a registered push notification recipient`);
    assert.deepEqual(gone.details, { error: 'DeviceNotRegistered', expoPushToken: GONE });
  });

  test('S22: more than a hundred', async () => {
    const error = await rejection(send({ to: Array(101).fill(OK) }));
    assert.equal(error.code, 'PUSH_TOO_MANY_NOTIFICATIONS');
  });

  test('S23: two projects', async () => {
    const other = 'ExponentPushToken[proj2]';
    const error = await rejection(send({ to: [OK, other] }));
    assert.equal(error.code, 'PUSH_TOO_MANY_EXPERIENCE_IDS');
    assert.deepEqual(error.details, { '@simulator/first': [OK], '@simulator/second': [other] });
  });

  test('S28: the rate limit of a project, which the SDK waits out', async () => {
    await control('/projects', { project: '@simulator/first', rate_limit: 100 });
    await send({ to: Array(100).fill(OK) });
    const error = await rejection(send({ to: OK }));
    assert.deepEqual([error.code, error.statusCode], ['TOO_MANY_REQUESTS', 429]);
    assert.equal((await requests()).length, 4);
    await control('/clock/advance', { seconds: 1 });
    assert.equal((await send({ to: OK }))[0].status, 'ok');
  });

  test('S29: push security', async () => {
    await control('/projects', { project: '@simulator/first', push_security: true });
    const error = await rejection(send({ to: OK }));
    assert.deepEqual([error.code, error.statusCode], ['UNAUTHORIZED', 403]);
  });

  test('S35 to S37: receipts that are there, that are not, that are no more', async () => {
    const [{ id }] = await send({ to: OK });
    await control('/clock/advance', { seconds: 2 });
    const [{ id: pending }] = await send({ to: OK });
    const sdk = client();
    const asked = [pending, 'unknown', id, id];
    assert.deepEqual(Object.keys(await sdk.getPushNotificationReceiptsAsync(asked)), [id]);
    const error = await rejection(sdk.getPushNotificationReceiptsAsync(Array(1001).fill(id)));
    assert.equal(error.code, 'PUSH_TOO_MANY_RECEIPTS');
    await control('/clock/advance', { seconds: 24 * 3600 });
    assert.deepEqual(await sdk.getPushNotificationReceiptsAsync(asked), {});
  });
});

describe('faults, none of which but 429 the SDK tries again', () => {
  const once = async (act) => {
    const error = await rejection(act());
    assert.equal((await requests()).filter(({ fault }) => fault).length, 1);
    return error;
  };

  for (const [id, options, status, text, shown] of [
    ['F02', { variant: 'before' }, 500, /An unknown error/, 0],
    ['F02', { variant: 'after' }, 500, /An unknown error/, 1],
    ['F03', {}, 502, /502 Bad Gateway/, 0],
    ['F04', {}, 503, /no healthy upstream/, 0],
    ['F05', {}, 504, /504 Gateway Time-out/, 1],
  ]) {
    test(`${id} ${JSON.stringify(options)}`, async () => {
      await fault(id, options);
      const error = await once(() => send({ to: OK, title: 'Booked' }));
      assert.equal(error.statusCode, status);
      assert.match(error.message, text);
      const screens = shown ? await displayed(OK) : (await control('/tickets')).tickets;
      assert.equal(screens.length, shown);
    });
  }

  test('F06: no answer, and no time-out of its own', async () => {
    await fault('F06');
    const httpAgent = new Agent({ headersTimeout: 100 });
    const patient = client({ httpAgent });
    const error = await once(() => patient.sendPushNotificationsAsync([{ to: OK, title: 'a' }]));
    assert.equal(error.cause.code, 'UND_ERR_HEADERS_TIMEOUT');
    assert.equal((await displayed(OK)).length, 1);
    await httpAgent.close();
  });

  test('F07: closed before it is read', async () => {
    await fault('F07');
    const error = await once(() => send({ to: OK }));
    assert.equal(error.message, 'fetch failed');
    assert.deepEqual((await control('/tickets')).tickets, []);
  });

  for (const [variant, tickets] of [['queued', 1], ['not queued', 0]]) {
    test(`F08: reset, ${variant}`, async () => {
      await fault('F08', { variant });
      const error = await once(() => send({ to: OK }));
      assert.deepEqual([error.message, error.cause.code], ['fetch failed', 'ECONNRESET']);
      assert.equal((await control('/tickets')).tickets.length, tickets);
    });
  }

  for (const variant of ['length', 'chunked']) {
    test(`F09: cut off, ${variant}`, async () => {
      await fault('F09', { variant });
      const error = await once(() => send({ to: OK }));
      assert.deepEqual([error.message, error.cause.code], ['terminated', 'UND_ERR_SOCKET']);
      assert.equal((await control('/tickets')).tickets.length, 1);
    });
  }

  test('F10: slow, within the time-outs', async () => {
    await fault('F10', { head_seconds: 0.05, byte_seconds: 0.0005 });
    assert.equal((await send({ to: OK }))[0].status, 'ok');
  });

  test('F11: 200 with nothing, {}, null, an array', async () => {
    await fault('F11', { variant: 'empty' });
    assert.match((await rejection(send({ to: OK }))).message, /Expo responded with an error/);
    for (const variant of ['object', 'null', 'array']) {
      await fault('F11', { variant });
      assert.ok((await rejection(send({ to: OK }))) instanceof TypeError, variant);
    }
  });

  test('F17: receipts, with one POST even on 429', async () => {
    for (const [variant, status] of [['429', 429], ['500', 500]]) {
      await control('/reset', {});
      await fault('F17', { variant });
      const error = await once(() => client().getPushNotificationReceiptsAsync(['id']));
      assert.equal(error.statusCode, status);
    }
  });

  test('F23: a redirect of the same request, and connections that end', async () => {
    for (const variant of ['307', 'close', 'idle']) await fault('F23', { variant });
    for (const title of 'abc') {
      assert.equal((await send({ to: OK, title }))[0].status, 'ok');
    }
    assert.equal((await displayed(OK)).length, 3);
  });
});
