"""The Expo simulator: a local program that answers like the Expo Push Service.

`service.PushService` is the whole of it, pure and synchronous; `app.create_app` puts it behind
HTTP. What it answers is fixed case by case (S01 to S53) in `expo-simulator.md`.
"""
