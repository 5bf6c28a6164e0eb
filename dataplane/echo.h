// Answers to the echoes that the control core sends (dp_echo_send).
#ifndef VIGIL_DATAPLANE_ECHO_H
#define VIGIL_DATAPLANE_ECHO_H

#include "worker.h"

#define ECHO_ANSWERS_A_TICK 64u // told by one worker; more are no answers to us

// [W] An ICMP message for the gateway, its checksum not looked at yet: `icmp`, `len` bytes. True:
// it answers an echo of ours, the control core has been told, and m is freed.
bool echo_answered(struct worker *w, struct rte_mbuf *m, const uint8_t *icmp, size_t len);
// The same of an ICMPv6 message, whose checksum holds.
bool echo_answered6(struct worker *w, struct rte_mbuf *m, const uint8_t *icmp, size_t len);

#endif
