"""What we know of Cal.com: who signed a webhook, and what its payload says in the domain's words.

Facts about payloads come from cal-webhooks.md; the section is named where a fact surprises.
"""
