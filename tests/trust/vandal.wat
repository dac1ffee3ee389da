;; Another plugin without a `vm_id`: it writes into the data that it shares with everybody else
;; who has none. Each request to it turns that on or off, and is answered with 200 if there is
;; something under each name, else with 500 and how many there isn't, added.
;;
;; Its configuration: a line with the milliseconds between two rounds, as four digits, then a line
;; for each name, which begins with a letter for what is written there:
;;   e  a value without bytes
;;   g  64 KiB of 0xff
;;   f  what is there, with one bit in its middle the other way round
;;   h  the first half of what is there
;;   o  what was there when it was first looked at, for ever
;;   a  by turns e, g, f, h
;;   x  nothing is written
(module
  (import "env" "proxy_get_buffer_bytes"
    (func $get_buffer_bytes (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds"
    (func $set_tick_period (param i32) (result i32)))
  (import "env" "proxy_get_shared_data"
    (func $get_shared_data (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_shared_data"
    (func $set_shared_data (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $send_local_response (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))

  ;; 0: the name of the switch; 16: where a value is, 20: how long it is, 24: its version;
  ;; 32: the switch's new value; 64 to 1087: for each line, where its first value is kept and how
  ;; long that is; from 0x10000: 64 KiB of 0xff; from 0x20000: what the host puts here, one tick's;
  ;; from 0x800000: what is kept.
  (memory (export "memory") 256)
  (data (i32.const 0) "vandal")
  (global $free (mut i32) (i32.const 0x20000))
  (global $kept (mut i32) (i32.const 0x800000))
  (global $configuration (mut i32) (i32.const 0))
  (global $size (mut i32) (i32.const 0))
  (global $round (mut i32) (i32.const 0))

  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))

  (func $allocate (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get $size))))

  (func (export "proxy_on_configure") (param $context i32) (param $size i32) (result i32)
    (memory.fill (i32.const 0x10000) (i32.const 0xff) (i32.const 0x10000))
    ;; Buffer 7 is the plugin's configuration.
    (if (call $get_buffer_bytes
          (i32.const 7) (i32.const 0) (local.get $size) (i32.const 16) (i32.const 20))
      (then (return (i32.const 0))))
    (global.set $configuration (global.get $kept))
    (global.set $size (i32.load (i32.const 20)))
    (memory.copy (global.get $kept) (i32.load (i32.const 16)) (global.get $size))
    (global.set $kept (i32.add (global.get $kept) (global.get $size)))
    (drop (call $set_tick_period (call $number (global.get $configuration))))
    (i32.const 1))

  ;; Four digits.
  (func $number (param $at i32) (result i32)
    (local $end i32) (local $number i32)
    (local.set $end (i32.add (local.get $at) (i32.const 4)))
    (loop $digits
      (local.set $number (i32.add
        (i32.mul (local.get $number) (i32.const 10))
        (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $digits (i32.lt_u (local.get $at) (local.get $end))))
    (local.get $number))

  ;; Whether it is turned on.
  (func $is_on (result i32)
    (if (call $get_shared_data
          (i32.const 0) (i32.const 6) (i32.const 16) (i32.const 20) (i32.const 24))
      (then (return (i32.const 0))))
    (if (i32.ne (i32.load (i32.const 20)) (i32.const 1)) (then (return (i32.const 0))))
    (i32.load8_u (i32.load (i32.const 16))))

  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (local $missing i32)
    (global.set $free (i32.const 0x20000))
    (i32.store8 (i32.const 32) (i32.eqz (call $is_on)))
    (drop (call $set_shared_data
      (i32.const 0) (i32.const 6) (i32.const 32) (i32.const 1) (i32.const 0)))
    (local.set $missing (call $lines (i32.const 0)))
    (drop (call $send_local_response
      (select (i32.add (i32.const 500) (local.get $missing)) (i32.const 200) (local.get $missing))
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const -1)))
    (i32.const 1))

  (func (export "proxy_on_tick") (param i32)
    (global.set $free (i32.const 0x20000))
    (if (i32.eqz (call $is_on)) (then (return)))
    (global.set $round (i32.add (global.get $round) (i32.const 1)))
    (drop (call $lines (i32.const 1))))

  ;; Does what each line says, or only looks whether something is there: under how many names
  ;; there isn't.
  (func $lines (param $writes i32) (result i32)
    (local $at i32) (local $end i32) (local $start i32) (local $line i32) (local $missing i32)
    (local.set $end (i32.add (global.get $configuration) (global.get $size)))
    ;; After the number and the end of its line.
    (local.set $at (i32.add (global.get $configuration) (i32.const 5)))
    (local.set $start (local.get $at))
    (loop $lines
      (if (i32.lt_u (local.get $at) (local.get $end)) (then
        (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 10)) (then
          (global.set $free (i32.const 0x20000))
          (if (local.get $writes)
            (then (call $write (local.get $start) (local.get $at) (local.get $line)))
            (else (if (call $get_shared_data
                (i32.add (local.get $start) (i32.const 1))
                (i32.sub (local.get $at) (i32.add (local.get $start) (i32.const 1)))
                (i32.const 16) (i32.const 20) (i32.const 24))
              (then (local.set $missing (i32.add (local.get $missing) (i32.const 1)))))))
          (local.set $line (i32.add (local.get $line) (i32.const 1)))
          (local.set $start (i32.add (local.get $at) (i32.const 1)))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $lines))))
    (local.get $missing))

  ;; Does what one line says, the text from $start to $end.
  (func $write (param $start i32) (param $end i32) (param $line i32)
    (local $what i32) (local $name i32) (local $length i32) (local $value i32) (local $size i32)
    (local.set $what (i32.load8_u (local.get $start)))
    (local.set $name (i32.add (local.get $start) (i32.const 1)))
    (local.set $length (i32.sub (local.get $end) (local.get $name)))
    (if (i32.eq (local.get $what) (i32.const 97 (; a ;))) (then
      (local.set $what (i32.load8_u (i32.add
        (i32.const 1088) (i32.and (global.get $round) (i32.const 3)))))))
    (if (i32.eq (local.get $what) (i32.const 120 (; x ;))) (then (return)))
    (if (i32.eq (local.get $what) (i32.const 101 (; e ;))) (then
      (call $set (local.get $name) (local.get $length) (i32.const 0x10000) (i32.const 0))
      (return)))
    (if (i32.eq (local.get $what) (i32.const 103 (; g ;))) (then
      (call $set (local.get $name) (local.get $length) (i32.const 0x10000) (i32.const 0x10000))
      (return)))
    ;; The others need what is there.
    (local.set $line (i32.add (i32.const 64) (i32.mul (local.get $line) (i32.const 8))))
    (local.set $size (i32.load offset=4 (local.get $line)))
    (if (i32.and
          (i32.eq (local.get $what) (i32.const 111 (; o ;))) (i32.ne (local.get $size) (i32.const 0)))
      (then
        (call $set (local.get $name) (local.get $length)
          (i32.load (local.get $line)) (local.get $size))
        (return)))
    (if (call $get_shared_data
          (local.get $name) (local.get $length) (i32.const 16) (i32.const 20) (i32.const 24))
      (then (return)))
    (local.set $value (i32.load (i32.const 16)))
    (local.set $size (i32.load (i32.const 20)))
    (if (i32.eqz (local.get $size)) (then (return)))
    (if (i32.eq (local.get $what) (i32.const 111)) (then
      (memory.copy (global.get $kept) (local.get $value) (local.get $size))
      (i32.store (local.get $line) (global.get $kept))
      (i32.store offset=4 (local.get $line) (local.get $size))
      (global.set $kept (i32.add (global.get $kept) (local.get $size)))
      (return)))
    (if (i32.eq (local.get $what) (i32.const 102 (; f ;))) (then
      (local.set $line (i32.add (local.get $value) (i32.shr_u (local.get $size) (i32.const 1))))
      (i32.store8 (local.get $line)
        (i32.xor (i32.load8_u (local.get $line)) (i32.const 1))))
      (else (local.set $size (i32.shr_u (local.get $size) (i32.const 1)))))
    (call $set (local.get $name) (local.get $length) (local.get $value) (local.get $size)))

  ;; Whatever is there.
  (func $set (param $name i32) (param $length i32) (param $value i32) (param $size i32)
    (drop (call $set_shared_data
      (local.get $name) (local.get $length) (local.get $value) (local.get $size) (i32.const 0))))

  (data (i32.const 1088) "egfh"))
