/*
 * The few contexts that sessions have at one time. A context is a cache of its session: parking it
 * saves nothing, because the session knows everything already, and loading one costs the derivation
 * of its keys.
 */
#include "lwm2m/transport/dtls_internal.h"

/* A peer that has not spoken yet may ask for our last flight again. */
static void drop_context(struct transport_dtls *dtls, struct dtls_session *session)
{
    if (!session->spoke && !session->flight) {
        session->flight = dtls_context_flight(session->context);
    }
    dtls_context_delist(&dtls->live, session->context);
    dtls->live_len--;
    session->context = NULL;
}

void dtls_live_park(struct transport_dtls *dtls, struct dtls_session *session)
{
    struct dtls_context *context = session->context;

    if (context) {
        drop_context(dtls, session);
        dtls_context_free(context);
    }
}

/* Parks the session that was used longest ago, if there are too many; its context can be used again
 * when it is returned. */
static struct dtls_context *take_oldest(struct transport_dtls *dtls)
{
    if (dtls->live_len < dtls->settings.live_max) {
        return NULL;
    }
    struct dtls_context *context = dtls_context_last(&dtls->live);
    dtls->counters.parked++;
    drop_context(dtls, dtls_context_session(context));
    if (!dtls_context_is_loaded(context)) {
        dtls_context_free(context);
        return NULL;
    }
    if (dtls_context_reset(context) != 0) {
        dtls_context_free(context);
        return NULL;
    }
    return context;
}

static void give(struct transport_dtls *dtls, struct dtls_session *session,
                 struct dtls_context *context, bool first)
{
    session->context = context;
    dtls_context_set_owner(context, NULL, session);
    dtls_context_enlist(&dtls->live, context, first);
    dtls->live_len++;
}

struct dtls_context *dtls_live_get(struct transport_dtls *dtls, struct dtls_session *session)
{
    if (session->context) {
        return session->context;
    }
    struct dtls_context *context = take_oldest(dtls);
    if (!context) {
        context = dtls_context_new(dtls, dtls->resumption);
    }
    if (!context) {
        return NULL;
    }
    if (dtls_parked_load(context, session) != 0) {
        dtls_context_free(context);
        return NULL;
    }
    dtls->counters.loaded++;
    give(dtls, session, context, false); /* a forged record makes no room for itself */
    return context;
}

void dtls_live_adopt(struct transport_dtls *dtls, struct dtls_session *session,
                     struct dtls_context *context)
{
    dtls_context_free(take_oldest(dtls));
    give(dtls, session, context, true);
}

void dtls_live_touch(struct transport_dtls *dtls, struct dtls_session *session)
{
    if (session->context) {
        dtls_context_delist(&dtls->live, session->context);
        dtls_context_enlist(&dtls->live, session->context, true);
    }
}
