"""
The HTTP server of HolmesGPT, for tests.

The package on PyPI has everything but the server itself. This has the routes, the check of the key and the statuses of
errors as HolmesGPT's own `server.py` has them, in as few lines as possible. Everything behind them is the package:
the validation of requests, the prompts, the loop over the tools, the calls of the model with their retries, and the
events of the stream.

HOLMES_CONFIGPATH_DIR names the folder of its `config.yaml`; HOLMES_HOST, HOLMES_PORT and HOLMES_API_KEY are its own.
"""

import json
import os
from pathlib import Path

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from holmes.common.env_vars import HOLMES_HOST, HOLMES_PORT
from holmes.config import DEFAULT_CONFIG_LOCATION, Config
from holmes.core.conversations import build_chat_messages
from holmes.core.models import ChatRequest, ChatResponse
from holmes.core.tools import SERVER_TOOLSET_TAGS, PrerequisiteCacheMode
from holmes.core.tools_utils.filesystem_result_storage import tool_result_storage
from holmes.utils.auth import AUTH_EXEMPT_PATHS, extract_api_key
from holmes.utils.stream import stream_chat_formatter
from litellm.exceptions import AuthenticationError, RateLimitError

key = os.environ.get("HOLMES_API_KEY", "")
config = Config.load_from_file(Path(DEFAULT_CONFIG_LOCATION))
config.create_server_tool_executor()
app = FastAPI()


@app.middleware("http")
async def authenticate(request: Request, call_next):
    if key and request.url.path not in AUTH_EXEMPT_PATHS and extract_api_key(request) != key:
        return JSONResponse(status_code=401, content={"detail": "Invalid or missing API key"})
    return await call_next(request)


def streamed(events, storage):
    try:
        yield from events
    finally:
        storage.__exit__(None, None, None)


@app.post("/api/chat")
def chat(request: ChatRequest):
    storage = tool_result_storage()
    results = storage.__enter__()
    try:
        ai = config.create_toolcalling_llm(
            toolset_tag_filter=SERVER_TOOLSET_TAGS,
            enable_all_toolsets_possible=False,
            prerequisite_cache=PrerequisiteCacheMode.DISABLED,
            reuse_executor=True,
            model=request.model,
            tool_results_dir=results,
        )
        messages = build_chat_messages(
            request.ask,
            request.conversation_history,
            ai=ai,
            config=config,
            additional_system_prompt=request.additional_system_prompt,
        )
        if request.stream:
            events = ai.call_stream(
                msgs=messages,
                enable_tool_approval=request.enable_tool_approval or False,
                response_format=request.response_format,
            )
            formatted = stream_chat_formatter(events, [], model=request.model)
            return StreamingResponse(streamed(formatted, storage), media_type="text/event-stream")
        try:
            result = ai.call(messages, response_format=request.response_format)
        finally:
            storage.__exit__(None, None, None)
        return ChatResponse(
            analysis=result.result,
            tool_calls=result.tool_calls,
            conversation_history=result.messages,
            metadata=result.metadata,
        )
    except AuthenticationError as error:
        raise HTTPException(status_code=401, detail=error.message)
    except RateLimitError as error:
        raise HTTPException(status_code=429, detail=error.message)
    except Exception as error:
        raise HTTPException(status_code=500, detail=str(error))


@app.get("/api/model")
def models():
    return {"model_name": json.dumps(config.get_models_list())}


@app.get("/healthz")
def health():
    return {"status": "healthy"}


if __name__ == "__main__":
    uvicorn.run(app, host=HOLMES_HOST, port=HOLMES_PORT, log_level="warning")
