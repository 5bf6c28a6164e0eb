// R-U-THERE and R-U-THERE-ACK (RFC 3706, 5 and 6): their sequence numbers, and which of them prove
// life. Control core only.
#ifndef VIGIL_IKE1_DPD_MESSAGE_H
#define VIGIL_IKE1_DPD_MESSAGE_H

#include "info.h"
#include "notify.h"

// What an authentic message says about the peer's life, for the caller to report when the message
// has been dealt with.
enum dpd_news { DPD_NEWS_NONE, DPD_NEWS_HELLO, DPD_NEWS_ACK };

// An authentic R-U-THERE: answered always, with its own sequence, to this port (0: the IKE SA's);
// `answer` is what was sent (len 0: nothing).
enum dpd_news dpd_message_hello(struct control *c, struct ike_sa *sa, const struct isakmp_notify *n,
                                uint16_t port, struct info_message *answer);
// An authentic acknowledgement.
enum dpd_news dpd_message_ack(struct control *c, struct ike_sa *sa, const struct isakmp_notify *n);

#endif
