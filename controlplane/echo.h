// Echoes that a person asks for (`ping`): sent one by one, their answers matched and timed. Control
// core only.
#ifndef VIGIL_ECHO_H
#define VIGIL_ECHO_H

#include "types.h"

struct control;
struct dp_event;

#define ECHO_MAX 64 // outstanding ones; an older one is forgotten

enum echo_state { ECHO_FREE, ECHO_SENT, ECHO_ANSWERED };

struct echo {
	uint16_t sequence;
	uint8_t state; // enum echo_state
	struct ip_addr dst;
	uint64_t sent_us, rtt_us;
};

struct echoes {
	uint16_t next;
	struct echo items[ECHO_MAX]; // by sequence
};

// What a request asks for and hears.
struct echo_order {
	struct ip_addr src, dst; // src family 0: the one that the route suggests
	uint16_t size;
	bool df;
	uint16_t sequence; // of the one that was sent; what to look at
	int err;           // of sending, as dp_echo_send()
	bool answered;
	uint64_t rtt_us;
};

void echo_send(struct control *c, struct echo_order *o);
// Sets `answered` and `rtt_us`.
void echo_look(const struct control *c, struct echo_order *o);
// DP_EVENT_ECHO.
void echo_heard(struct control *c, const struct dp_event *ev);

#endif
