// Sending IKE messages: addresses, ports and the non-ESP marker of an IKE SA (RFC 3948, 2.2).
// Control core only.
#ifndef VIGIL_IKE1_OUTPUT_H
#define VIGIL_IKE1_OUTPUT_H

#include "dp.h"
#include "ike_sa.h"
#include "isakmp.h"
#include "types.h"

struct control;
struct ike_sa;
struct peer;

#define OUTPUT_MESSAGE_MAX 4096 // bytes of a message that we build

// A message of an IKE SA on its way.
struct dp_datagram output_datagram(const struct ike_sa *sa, const uint8_t *message, uint16_t len);
// Sends a message of an IKE SA on its ports. What is lost here is lost like on the network; -EAGAIN
// says that it was, since too much is being sent.
int output_send(struct control *c, const struct ike_sa *sa, const uint8_t *message, uint16_t len);
// ... to another port of the peer than the SA's, unless that is 0.
int output_send_to(struct control *c, const struct ike_sa *sa, uint16_t port,
                   const uint8_t *message, uint16_t len);
// Is this a message of an exchange that is remembered (node.h)? Then it is dealt with: a copy of
// the last one gets its answer again, to this port (0: the SA's), anything else is dropped.
bool output_repeat(struct control *c, struct ike_sa *sa, uint16_t port, uint32_t message_id,
                   const uint8_t hash[IKE_NODE_HASH]);
// Answers a message that belongs to no IKE SA, back along its way.
void output_reply(struct control *c, const struct dp_view *v, const uint8_t *message, uint16_t len);

// True at most a few times a second: guards answers to, and log lines about, what strangers send.
bool output_may_reply(struct control *c);
bool output_may_log(struct control *c);

#endif
