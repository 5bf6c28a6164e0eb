// Delete payloads that found the way out full: they are sent when it is free again, though their
// IKE SA may be gone by then. So the end of many peers at once is told to all of them. What has an
// answer needs no such care: it is repeated. Control core only.
#ifndef VIGIL_IKE1_OUTBOX_H
#define VIGIL_IKE1_OUTBOX_H

#include "types.h"

struct control;
struct ike_sa;

#define OUTBOX_MAX  16384u // messages; what comes then is lost
#define OUTBOX_LONG 1024u  // who ends peers and can wait does; see ike1_is_jammed()

// A sealed message of an IKE SA that could not be sent.
void outbox_keep(struct control *c, const struct ike_sa *sa, const void *message, uint16_t len);
void outbox_forget_all(struct control *c);

#endif
