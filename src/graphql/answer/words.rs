//! Codes, statuses and messages of the errors of the contract.

use crate::error::{Error, Text, Violation};

/// Violations that the message itself repeats.
const MOST_REPEATED: usize = 5;

/// `extensions.code`. A code never changes.
pub fn code(error: &Error) -> &'static str {
    match error {
        Error::Unauthenticated => "UNAUTHENTICATED",
        Error::Forbidden { .. } => "FORBIDDEN",
        Error::NotFound { .. } => "NOT_FOUND",
        Error::Invalid(_) => "BAD_USER_INPUT",
        Error::Conflict(_) => "CONFLICT",
        Error::CostLimit { .. } => "COST_LIMIT_EXCEEDED",
        Error::RateLimited { .. } => "RATE_LIMITED",
        Error::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
        Error::Overloaded | Error::Collided | Error::Crowded { .. } => "OVERLOADED",
        Error::KeyReused => "IDEMPOTENCY_KEY_REUSED",
        Error::Timeout { .. } => "TIMEOUT",
        Error::Unavailable => "UNAVAILABLE",
        Error::OutcomeUnknown => "OUTCOME_UNKNOWN",
        Error::InsufficientStorage => "INSUFFICIENT_STORAGE",
        Error::Internal(_) => "INTERNAL_SERVER_ERROR",
    }
}

/// The HTTP status of a request that is refused as a whole.
pub fn status(error: &Error) -> u16 {
    match error {
        Error::Unauthenticated => 401,
        Error::Forbidden { .. } => 403,
        Error::NotFound { .. } | Error::PersistedQueryNotFound => 404,
        Error::Invalid(_) | Error::CostLimit { .. } => 400,
        Error::Conflict(_) => 409,
        Error::RateLimited { .. } => 429,
        Error::Overloaded | Error::Collided | Error::Crowded { .. } | Error::Unavailable => 503,
        Error::KeyReused => 422,
        Error::Timeout { .. } | Error::OutcomeUnknown => 504,
        Error::InsufficientStorage => 507,
        Error::Internal(_) => 500,
    }
}

/// The message. It says what to do next where that is not plain.
pub fn text(error: &Error) -> Text {
    match error {
        Error::Unauthenticated => Text::new("not signed in, or the sign-in is no longer valid", "未登录，或登录已失效"),
        Error::Forbidden { field: None } => Text::new("you may not do this", "您无权执行此操作"),
        Error::Forbidden { field: Some(field) } => Text::new(format!("you may not use {field}"), format!("您无权使用 {field}")),
        Error::NotFound { field: None } => Text::new("nothing there that you can see", "没有您可以看到的对应记录"),
        Error::NotFound { field: Some(field) } => {
            Text::new(format!("{field} leads to nothing that you can see"), format!("{field} 没有您可以看到的对应记录"))
        }
        Error::Invalid(violations) => repeated(violations),
        Error::Conflict(conflict) => match &conflict.violation {
            Some(wrong) => repeated(std::slice::from_ref(wrong)),
            None => Text::new("the record was changed meanwhile; look at it and try again", "记录已被更改，请查看后重试"),
        },
        Error::CostLimit { what, limit } => {
            Text::new(format!("the request exceeds the limit of {limit} {what}"), format!("请求超出上限：{}最多{limit}", in_chinese(what)))
        }
        Error::RateLimited { .. } => Text::new("too many attempts; try again later", "尝试过于频繁，请稍后再试"),
        // Clients of Apollo and urql look for this very word.
        Error::PersistedQueryNotFound => Text::new("PersistedQueryNotFound", "PersistedQueryNotFound"),
        Error::Overloaded | Error::Collided | Error::Crowded { .. } => {
            Text::new("no capacity at the moment; try again", "系统繁忙，请重试")
        }
        Error::KeyReused => Text::new(
            "the idempotency key was used for something else; take a new one for each change",
            "该幂等键已用于其他请求，请为每次更改使用新的键",
        ),
        Error::Timeout { .. } => Text::new("it took too long and was given up; nothing was changed", "处理超时，已放弃，未做任何更改"),
        Error::Unavailable => Text::new("the service is not available at the moment; try again", "服务暂不可用，请稍后重试"),
        Error::OutcomeUnknown => {
            Text::new("the change may or may not have been made; look before you try again", "无法确定更改是否生效，请查看后再重试")
        }
        Error::InsufficientStorage => Text::new("the storage is full; tell the operator", "存储空间不足，请联系管理员"),
        Error::Internal(id) => Text::new(format!("internal error; the log has it as {id}"), format!("内部错误，日志编号 {id}")),
    }
}

fn repeated(violations: &[Violation]) -> Text {
    let some = || violations.iter().take(MOST_REPEATED);
    let en: Vec<_> = some().map(|wrong| format!("{} {}", wrong.field, wrong.message.en)).collect();
    let zh: Vec<_> = some().map(|wrong| format!("{} {}", wrong.field, wrong.message.zh)).collect();
    Text::new(en.join("; "), zh.join("；"))
}

fn in_chinese(what: &'static str) -> &'static str {
    match what {
        "bytes" => "字节数",
        "requests in a batch" => "批量请求数",
        "bytes of answer" => "返回内容字节数",
        "errors" => "错误数",
        "bytes of errors" => "错误信息字节数",
        "tokens" => "词元数",
        "levels of nesting" => "嵌套层数",
        "levels of nested values" => "参数嵌套层数",
        "characters in a name" => "名称长度",
        "expanded selections" => "展开后的选择数",
        "levels of depth" => "查询深度",
        "aliases" => "别名数",
        "directives" => "指令数",
        "root fields" => "根字段数",
        "points of cost" => "查询成本",
        "nodes" => "返回记录数",
        "points at once" => "单次请求的查询成本",
        other => other,
    }
}
