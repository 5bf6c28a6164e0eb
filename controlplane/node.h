// Nodes: exchanges of an IKE SA that ended lately, so that a second copy of a message is answered
// like the first and not processed again. Only authenticated messages make one. An SA whose last
// exchange is long ago has none, and needs no memory for them. Control core only.
#ifndef VIGIL_NODE_H
#define VIGIL_NODE_H

#include "ike_sa.h"
#include "types.h"

struct control;

// The hash by which a second copy of a received message (as it came) is recognised.
void node_hash(struct control *c, const void *message, size_t len, uint8_t out[IKE_NODE_HASH]);
// The node of a message ID that is still remembered, or NULL.
struct ike_node *node_find(struct control *c, struct ike_sa *sa, uint32_t message_id);
// Remembers the end of an exchange in place of the oldest; `answer` may be NULL. `last`: see struct
// ike_node. Without memory the message is simply not remembered.
void node_add(struct control *c, struct ike_sa *sa, uint32_t message_id,
              const uint8_t hash[IKE_NODE_HASH], const void *answer, uint16_t answer_len,
              bool last);
// So many last messages may still be asked for that those of further exchanges might not be
// remembered as long as they should.
bool node_is_full(const struct control *c, const struct ike_sa *sa);
// The other side has gone on, so it has the answer.
void node_drop_answer(struct ike_sa *sa, uint32_t message_id);
void node_forget_all(struct control *c, struct ike_sa *sa);

#endif
