-- The request of the benchmark's HTTP steps, for wrk.
wrk.method = "POST"
wrk.body = '{"run":"01a21055-bdb9-7e28-a76e-14683a2418b6","n":1}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Idempotency-Key"] = "01a21055-bdb9-8e28-a76e-14683a2418b6"
