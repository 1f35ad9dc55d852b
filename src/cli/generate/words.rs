//! Names, companies, trades and places, Chinese and English.

use super::dice::Dice;

const FAMILY: &[&str] = &[
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "周", "吴", "徐", "孙", "马", "朱", "胡", "郭", "何", "林", "高", "罗", "郑", "梁",
    "谢", "宋", "唐", "许", "韩", "邓", "冯", "曹", "彭", "曾", "肖", "田", "董", "潘", "袁", "蔡", "蒋", "余", "于", "杜", "叶", "程",
    "魏", "苏", "吕", "丁", "沈", "姚", "卢", "欧阳", "司马", "诸葛",
];
const GIVEN: &[&str] = &[
    "伟", "芳", "敏", "静", "强", "磊", "洋", "艳", "勇", "军", "杰", "娟", "涛", "明", "超", "霞", "平", "刚", "桂英", "志强", "秀英",
    "海燕", "建国", "建华", "文博", "雪梅", "欣怡", "子轩", "梓涵", "浩然", "雨桐", "思远", "晓彤", "嘉怡", "宇航", "诗雨", "俊杰", "若兰",
    "知秋", "一鸣", "凯文", "振华", "丽娜", "佳琪", "博文", "婷婷", "立群", "明远", "静怡", "天佑",
];
const FIRST: &[&str] = &[
    "James",
    "Mary",
    "Oliver",
    "Emma",
    "Liam",
    "Grace",
    "Daniel",
    "Sophie",
    "Arjun",
    "Amelia",
    "Lucas",
    "Helen",
    "Martin",
    "Nadia",
    "Peter",
    "Catherine",
    "Thomas",
    "Aisha",
    "Robert",
    "Ingrid",
    "Samuel",
    "Chloe",
    "Victor",
    "Elena",
    "Henry",
    "Priya",
    "Noah",
    "Ruth",
    "Kenji",
    "Zoë",
];
const LAST: &[&str] = &[
    "Smith",
    "Jones",
    "Taylor",
    "Brown",
    "Wilson",
    "Evans",
    "Thomas",
    "Walker",
    "Wright",
    "Hughes",
    "Green",
    "Hall",
    "Clarke",
    "Bennett",
    "Whitfield",
    "Okafor",
    "Novak",
    "Pillai",
    "Sullivan",
    "Kowalski",
    "O'Brien",
    "MacLeod",
    "Fernández",
    "Lindqvist",
    "Tanaka",
    "Doyle",
    "Marsh",
    "Hale",
    "Nguyen",
    "van Dijk",
];
const STEMS: &[&str] = &[
    "华兴", "云杉", "晨帆", "中辰", "鼎盛", "瑞丰", "恒通", "金桥", "蓝海", "天元", "宏达", "长风", "启明", "东方", "新源", "嘉禾", "万川",
    "百川", "青松", "海纳", "远山", "正大", "盛世", "银河",
];
const FORMS: &[&str] = &["有限公司", "股份有限公司", "集团有限公司", "合伙企业", "商行"];
const BRANDS: &[&str] = &[
    "Meridian",
    "Northgate",
    "Bluewater",
    "Harbour",
    "Summit",
    "Evergreen",
    "Pioneer",
    "Sterling",
    "Crescent",
    "Orchard",
    "Redwood",
    "Lighthouse",
    "Atlas",
    "Beacon",
    "Cedar",
    "Falcon",
    "Granite",
    "Horizon",
];
const LEGAL: &[&str] = &["Ltd", "plc", "Group", "& Sons", "Holdings", "Partners"];

/// Trades: English for the field, Chinese for company names.
const TRADES: &[(&str, &str)] = &[
    ("Retail", "商贸"),
    ("Manufacturing", "精密机械"),
    ("Logistics", "物流"),
    ("Construction", "建筑工程"),
    ("Catering", "餐饮管理"),
    ("Software", "信息技术"),
    ("Healthcare", "医疗器械"),
    ("Education", "教育咨询"),
    ("Real estate", "房地产"),
    ("Textiles", "纺织"),
    ("Energy", "新能源"),
    ("Agriculture", "农业科技"),
    ("Media", "文化传媒"),
    ("Chemicals", "化工"),
    ("Holding", "控股"),
];

/// Cities: code-free English name, Chinese name.
const CITIES: &[(&str, &str)] = &[
    ("Shanghai", "上海"),
    ("Beijing", "北京"),
    ("Guangzhou", "广州"),
    ("Shenzhen", "深圳"),
    ("Hangzhou", "杭州"),
    ("Suzhou", "苏州"),
    ("Nanjing", "南京"),
    ("Chengdu", "成都"),
    ("Wuhan", "武汉"),
    ("Xi'an", "西安"),
    ("Tianjin", "天津"),
    ("Chongqing", "重庆"),
    ("Qingdao", "青岛"),
    ("Dalian", "大连"),
    ("Xiamen", "厦门"),
    ("Changsha", "长沙"),
    ("Kunming", "昆明"),
    ("Harbin", "哈尔滨"),
    ("London", "伦敦"),
    ("Singapore", "新加坡"),
    ("Sydney", "悉尼"),
    ("Tokyo", "东京"),
    ("Toronto", "多伦多"),
    ("Hamburg", "汉堡"),
];
const DIRECTIONS: &[(&str, &str)] = &[
    ("East", "华东"),
    ("North", "华北"),
    ("South", "华南"),
    ("West", "西部"),
    ("Central", "华中"),
    ("Northeast", "东北"),
    ("Southwest", "西南"),
    ("Northwest", "西北"),
    ("Coastal", "沿海"),
    ("Overseas", "海外"),
];
const STREETS: &[&str] = &["人民路", "中山东一路", "南京西路", "解放大道", "建设路", "和平街", "新华路", "长江路"];
const ROADS: &[&str] = &["High Street", "Station Road", "Queen Street", "Market Lane", "Mill Road", "Harbour Drive"];
const OCCUPATIONS: &[&str] =
    &["工程师", "教师", "个体经营", "医生", "会计", "公务员", "销售", "司机", "Designer", "Lawyer", "Nurse", "Retired"];
const EDUCATIONS: &[&str] = &["本科", "大专", "高中", "硕士", "博士", "Bachelor", "Master"];
const POSITIONS: &[&str] = &["采购经理", "财务主管", "法人代表", "总经理", "Purchasing", "Finance", "Managing director", "Assistant"];

/// A person's name.
pub fn person(dice: &mut Dice, chinese: bool) -> String {
    if chinese {
        format!("{}{}", dice.pick_early(FAMILY), dice.pick(GIVEN))
    } else {
        format!("{} {}", dice.pick(FIRST), dice.pick_early(LAST))
    }
}

/// A company's name and trade.
pub fn company(dice: &mut Dice, chinese: bool) -> (String, &'static str) {
    let (trade, in_chinese) = dice.pick_early(TRADES);
    let name = if chinese {
        let (city, stem, form) = (dice.pick(CITIES).1, dice.pick(STEMS), dice.pick_early(FORMS));
        format!("{city}{stem}{in_chinese}{form}")
    } else {
        format!("{} {trade} {}", dice.pick(BRANDS), dice.pick_early(LEGAL))
    };
    (name, trade)
}

/// A trade.
pub fn trade(dice: &mut Dice) -> &'static str {
    dice.pick_early(TRADES).0
}

/// A city, in English and in Chinese.
pub fn city(dice: &mut Dice) -> (&'static str, &'static str) {
    dice.pick_early(CITIES)
}

/// A part of the country, in English and in Chinese.
pub fn direction(dice: &mut Dice) -> (&'static str, &'static str) {
    dice.pick(DIRECTIONS)
}

/// A postal address.
pub fn address(dice: &mut Dice, chinese: bool) -> String {
    let number = dice.below(998) + 1;
    if chinese {
        format!("{}市{}{number}号", dice.pick_early(CITIES).1, dice.pick(STREETS))
    } else {
        format!("{number} {}, {}", dice.pick(ROADS), dice.pick(CITIES).0)
    }
}

/// A phone number: of a mobile in China, or of London.
pub fn phone(dice: &mut Dice, chinese: bool) -> String {
    let number = dice.below(100_000_000);
    if chinese {
        format!("1{}{number:08}", dice.pick(&["38", "39", "50", "58", "86", "87"]))
    } else {
        format!("+44 20 {:04} {:04}", 7_000 + number % 1_000, number / 10_000)
    }
}

/// What a person does.
pub fn occupation(dice: &mut Dice) -> &'static str {
    dice.pick(OCCUPATIONS)
}

/// What a person learned.
pub fn education(dice: &mut Dice) -> &'static str {
    dice.pick_early(EDUCATIONS)
}

/// What a contact is at a company.
pub fn position(dice: &mut Dice) -> &'static str {
    dice.pick(POSITIONS)
}
