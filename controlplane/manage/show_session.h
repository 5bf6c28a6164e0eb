// `show crypto session`: the texts, from views.
#ifndef VIGIL_MANAGE_SHOW_SESSION_H
#define VIGIL_MANAGE_SHOW_SESSION_H

#include "view.h"

struct text;

enum session_style { SESSION_NORMAL, SESSION_DETAIL, SESSION_BRIEF };

// What of a session has arrived and is not printed yet: a session's status stands above its parts.
struct session_format {
	enum session_style style;
	bool open;      // `peer` is set
	bool flow_open; // a session without a peer is being printed
	struct peer_view peer;
	struct flow_view flow; // of the session without a peer
	struct ike_view *ikes;
	struct child_view *children;
	struct flow_view *waiting;
	unsigned n_ikes, n_children, n_waiting;
};

void session_format_init(struct session_format *f, enum session_style style, struct text *out);
// One view of REQUEST_SESSIONS.
void session_format_view(struct session_format *f, const struct view *v, struct text *out);
// All views have come: prints the rest, frees.
void session_format_end(struct session_format *f, struct text *out);

#endif
