// The lines of `debug crypto isakmp`, worded as network engineers know them from IOS. Nothing is
// formatted while debugging is off. Control core only.
#ifndef VIGIL_IKE_DEBUG_H
#define VIGIL_IKE_DEBUG_H

#include "dp.h"
#include "ike_sa.h"
#include "types.h"

struct control;
struct peer;

// One line about an IKE SA: "ISAKMP:(0:1001:SW:1):" and the text. sa NULL: "ISAKMP: ".
void ike_debug_line(struct control *c, const struct ike_sa *sa, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

// A message went out, or came in.
void ike_debug_sending(struct control *c, const struct ike_sa *sa);
void ike_debug_received(struct control *c, const struct ike_sa *sa, const struct dp_view *v);
// A "node" is one phase 2 exchange, named by its message ID, printed as signed 32 bits.
void ike_debug_node_new(struct control *c, const struct ike_sa *sa, uint32_t message_id);
void ike_debug_node_purge(struct control *c, const struct ike_sa *sa, uint32_t message_id);
void ike_debug_node_delete(struct control *c, const struct ike_sa *sa, uint32_t message_id,
                           bool error, const char *reason);
// The same for an event that leaves phase 1 as it is.
void ike_debug_event(struct control *c, const struct ike_sa *sa, const char *input,
                     const char *event);

// An authentic informational message, and a notify within one.
void ike_debug_hash(struct control *c, const struct ike_sa *sa, uint32_t message_id);
void ike_debug_notify(struct control *c, const struct ike_sa *sa, const char *name,
                      uint32_t message_id);
// name is "R_U_THERE" or "R_U_THERE_ACK".
void ike_debug_dpd(struct control *c, const struct ike_sa *sa, const char *name, uint32_t sequence);

// A window of a probe passed without an answer: the error counter rises.
void ike_debug_loss(struct control *c, const struct peer *p);
// A death, in this order; sa NULL: the peer has no established IKE SA.
void ike_debug_not_responding(struct control *c, const struct peer *p, const struct ike_sa *sa);
void ike_debug_deleting(struct control *c, const struct ike_sa *sa, const char *why);
void ike_debug_children_gone(struct control *c, const struct peer *p);
void ike_debug_dest_sa(struct control *c, const struct peer *p, const struct ike_sa *sa);
// The workers have let go of the peer's SAs; `spi` is the inbound SPI of one of them, for which no
// Delete payload can be sent any more.
void ike_debug_released(struct control *c, const struct peer *p, uint32_t spi);
void ike_debug_last_pass(struct control *c, const struct ike_sa *sa);

#endif
