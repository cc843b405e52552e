const kept = new Map();

export async function getItemAsync(key) {
  return kept.get(checked(key)) ?? null;
}

export async function setItemAsync(key, value) {
  kept.set(checked(key), value);
}

export async function deleteItemAsync(key) {
  kept.delete(checked(key));
}

function checked(key) {
  if (!/^[\w.-]+$/.test(key)) throw new Error(`not a key of expo-secure-store: ${key}`);
  return key;
}
