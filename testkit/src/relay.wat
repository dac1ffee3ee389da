;; Hands the body of each request to the proxy's foreign function `verify_signature`, byte for
;; byte, and answers with what that returns: status 200 and its result, or 500 and the status of
;; the call added.
(module
  (import "env" "proxy_get_buffer_bytes"
    (func $get_buffer_bytes (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_call_foreign_function"
    (func $call_foreign_function (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $send_local_response (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 16)
  (data (i32.const 0) "verify_signature")
  ;; 16 and 20: where the arguments are, and how long they are. 24 and 28: the same of the result.
  (global $free (mut i32) (i32.const 32))

  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))

  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get $size))))

  ;; One request at a time: what the one before took is free. Stops here until there is a body.
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (global.set $free (i32.const 32))
    (i32.const 1))

  (func (export "proxy_on_request_body")
    (param $context i32) (param $size i32) (param $is_whole i32) (result i32)
    (local $status i32)
    (if (local.get $is_whole) (then
      ;; Buffer 0 is the request's body.
      (local.set $status (call $get_buffer_bytes
        (i32.const 0) (i32.const 0) (local.get $size) (i32.const 16) (i32.const 20)))
      (if (i32.eqz (local.get $status)) (then
        (local.set $status (call $call_foreign_function
          (i32.const 0) (i32.const 16)
          (i32.load (i32.const 16)) (i32.load (i32.const 20))
          (i32.const 24) (i32.const 28)))))
      (if (i32.eqz (local.get $status))
        (then (call $answer
          (i32.const 200) (i32.load (i32.const 24)) (i32.load (i32.const 28))))
        (else (call $answer
          (i32.add (i32.const 500) (local.get $status)) (i32.const 0) (i32.const 0))))))
    (i32.const 1))

  (func $answer (param $status i32) (param $body i32) (param $length i32)
    (drop (call $send_local_response
      (local.get $status) (i32.const 0) (i32.const 0)
      (local.get $body) (local.get $length)
      (i32.const 0) (i32.const 0) (i32.const -1)))))
