# Maintained by "writ lock" and "writ apply". Commit this file. Edit it only to release a retired identifier.
version = 1

api "carts" { identifier = "https://api.staging.example.com/carts" }
api "catalog" { identifier = "https://api.staging.example.com/catalog" }
api "consents" { identifier = "https://api.staging.example.com/consents" }
api "events" { identifier = "https://api.staging.example.com/events" }
api "exports" { identifier = "https://api.staging.example.com/exports" }
api "features" { identifier = "https://api.staging.example.com/features" }
api "inventory" { identifier = "https://api.staging.example.com/inventory" }
api "ledger" { identifier = "https://api.staging.example.com/ledger" }
api "notifications" { identifier = "https://api.staging.example.com/notifications" }
api "orders" { identifier = "https://api.staging.example.com/orders" }
api "payments" { identifier = "https://api.staging.example.com/payments" }
api "payouts" { identifier = "https://api.staging.example.com/payouts" }
api "pricing" { identifier = "https://api.staging.example.com/pricing" }
api "profiles" { identifier = "https://api.staging.example.com/profiles" }
api "refunds" { identifier = "https://api.staging.example.com/refunds" }
api "reports" { identifier = "https://api.staging.example.com/reports" }
api "returns" { identifier = "https://api.staging.example.com/returns" }
api "shipments" { identifier = "https://api.staging.example.com/shipments" }
api "tracking" { identifier = "urn:example:tracking" }
api "warehouses" { identifier = "https://api.staging.example.com/warehouses" }

client "billing" { client_id = "billing" }
client "checkout" { client_id = "checkout" }
client "dashboards" { client_id = "dashboards" }
client "dispatcher" { client_id = "dispatcher" }
client "mailer" { client_id = "mailer" }
client "merchandising" { client_id = "merchandising" }
client "pipeline" { client_id = "pipeline" }
client "privacy-desk" { client_id = "privacy-desk" }
client "scanner[\"ams\"]" { client_id = "scanner-ams" }
client "scanner[\"lyn\"]" { client_id = "scanner-lyn" }
client "scanner[\"waw\"]" { client_id = "scanner-waw" }
client "settlement" { client_id = "settlement" }
client "storefront" { client_id = "storefront" }
